"""An API server for tests: real HTTP, in this process. Not a real one: no admission, no schema.

It lists in pages, watches with bookmarks, keeps resource versions and generations, knows status
subresources, merge and JSON patches, server-side apply by field ownership, preconditions,
finalizers, garbage collection by owner and StatefulSets; and it can be made to misbehave. What a
client may do is granted verb by verb, as RBAC would (rights.py).
"""
