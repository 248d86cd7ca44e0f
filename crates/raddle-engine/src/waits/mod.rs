//! Judgement of executions in which nobody can run.
