"""Tamper evidence: Merkle logs over what is audited, signed checkpoints, witnesses, proofs.

Files without I/O: `tree`, `tiles`, `leaf`, `encoding`, `note`, `checkpoint`, `cosignature`,
`policy`, `tlog_proof`.
"""
