"""The lesson machine: notebooks from their source, the learner's workspace, pages and claims."""
