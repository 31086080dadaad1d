-- Health of a HedgePair for Argo CD: resource.customizations.health.hedgepair.io_HedgePair.
local function cond(kind)
  for _, c in ipairs((obj.status or {}).conditions or {}) do
    if c.type == kind then return c end
  end
end
local function is_true(kind)
  local c = cond(kind)
  return c ~= nil and c.status == "True", c
end
local function health(status, c, text)
  return { status = status, message = c and (c.reason .. ": " .. c.message) or text }
end

local meta, status = obj.metadata, obj.status
if meta.deletionTimestamp ~= nil then
  local stalled, c = is_true("Stalled")
  if stalled then return health("Degraded", c) end
  return health("Progressing", cond("Reconciling"), "being taken down")
end
if (meta.annotations or {})["hedgepair.io/reconcile"] == "Disabled" then
  return health("Suspended", nil, "hands off, by annotation")
end
if status == nil or status.observedGeneration ~= meta.generation then
  return health("Progressing", nil, "waiting for the operator")
end
for _, kind in ipairs({ "Stalled", "Halted", "Degraded" }) do
  local bad, c = is_true(kind)
  if bad then return health("Degraded", c) end
end
for _, kind in ipairs({ "Completed", "Suspended" }) do
  local at_rest, c = is_true(kind)
  if at_rest then return health("Suspended", c) end
end
local ready, r = is_true("Ready")
if ready then return health("Healthy", cond("Hedged") or r) end
return health("Progressing", r, "no Ready condition yet")
