//! Behaviour of the durable steps.
