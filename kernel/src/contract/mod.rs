//! What the package and the kernel agree on: codes, rows, the plan, errors.

pub mod batch;
pub mod codes;
pub mod error;
pub mod generated;
pub mod generated_codes;
pub mod generated_plan;
pub mod generated_terms;
pub mod plan;
pub mod row;
pub mod tag;
