//! Glue to allocator-api2 0.3.

super::api2_items!(allocator_api2_03);
