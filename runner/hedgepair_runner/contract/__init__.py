"""All that crosses a process boundary; imports nothing else of ours."""
