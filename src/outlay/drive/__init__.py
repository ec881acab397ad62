"""Who carries a strategy's requests to models and verifiers: live engines, recorded pools, or nobody (price estimates)."""
