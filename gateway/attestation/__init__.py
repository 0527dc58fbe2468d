"""Engine attestation: what an engine says it reads is held against what was authorised, before a row leaves."""
