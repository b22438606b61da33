//! Order kinds at the exchange: what single attributes of orders and settings of a session do.

pub mod protection;
pub mod reduce_only;
pub mod walk;
