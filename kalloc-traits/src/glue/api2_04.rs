//! Glue to allocator-api2 0.4.

super::api2_items!(allocator_api2_04);
