//! Glue to allocator-api2 0.2.

super::api2_items!(allocator_api2_02);
