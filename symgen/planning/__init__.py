"""Planning: from a request in musical words to a plan that the grammar can keep, or a refusal saying what would do."""
