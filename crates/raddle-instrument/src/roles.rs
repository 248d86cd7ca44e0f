//! Roles.
use crate::symbols::SourceFrame;
use raddle_protocol::Role;
/// r
pub fn role(_: &[SourceFrame]) -> Role {
    Role::Atomic
}
