"""Many runs of one scenario: which, by whom, and what came of them."""
