"""What a coverage-guided fuzzer runs, and the inputs that it once found."""
