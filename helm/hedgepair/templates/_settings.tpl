{{/* The operator's settings, by the names of its environment variables without HEDGEPAIR_. */}}
{{- define "hedgepair.operatorSettings" -}}
HTTP: 0.0.0.0:8080
RUNNER_IMAGE: {{ include "hedgepair.image" (dict "root" $ "image" .Values.images.runner) }}
RUNNER_PULL_POLICY: {{ .Values.images.runner.pullPolicy }}
REDIS_URL_FILE: /etc/hedgepair/redis/url
REDIS_MASTER_FILE: /etc/hedgepair/redis/master
REDIS_ACL: {{ .Values.redis.acl }}
REDIS_ROTATION: {{ .Values.redis.rotation | toString | quote }}
LOG_LEVEL: {{ .Values.operator.logLevel }}
WORKERS: {{ .Values.operator.workers | toString | quote }}
RESYNC_SECONDS: {{ .Values.operator.resyncSeconds | toString | quote }}
POLL_SECONDS: {{ .Values.operator.pollSeconds | toString | quote }}
NETWORK_POLICIES: {{ .Values.networkPolicy.enabled | toString | quote }}
MAINNET_ALLOWED: {{ .Values.limits.mainnetAllowed | toString | quote }}
LEADER_ELECTION: {{ gt (int .Values.operator.replicas) 1 | toString | quote }}
LEASE_NAME: {{ include "hedgepair.fullname" . }}-operator
{{- with .Values.runner.imagePullSecrets }}
RUNNER_PULL_SECRETS: {{ join "," . }}
{{- end }}
{{- with .Values.runner.extraEgressCidrs }}
EXTRA_EGRESS_CIDRS: {{ join "," . }}
{{- end }}
{{- with .Values.watchNamespaces }}
WATCH_NAMESPACES: {{ join "," . }}
{{- end }}
{{- with .Values.networkPolicy.metricsNamespaces }}
METRICS_NAMESPACES: {{ join "," . }}
{{- end }}
{{- if .Values.redis.enabled }}
REDIS_RUNNER_URL: redis://{{ include "hedgepair.redisHost" . }}:6379/0
{{- else if .Values.redis.runnerUrl }}
REDIS_RUNNER_URL: {{ .Values.redis.runnerUrl }}
{{- end }}
{{- if .Values.exchange.enabled }}
PAPER_EXCHANGE_URL: {{ include "hedgepair.exchangeUrl" . }}
PAPER_SEED: {{ .Values.exchange.seed | quote }}
{{- end }}
{{- with .Values.limits.maxPairs }}
MAX_PAIRS: {{ . | toString | quote }}
{{- end }}
{{- with .Values.limits.maxNotionalPerPair }}
MAX_NOTIONAL_PER_PAIR: {{ . | quote }}
{{- end }}
{{- with .Values.limits.maxNotional }}
MAX_NOTIONAL: {{ . | quote }}
{{- end }}
{{- with .Values.limits.referencePrices }}
{{- $prices := list }}
{{- range $market, $price := . }}{{ $prices = append $prices (printf "%s=%s" $market $price) }}{{ end }}
REFERENCE_PRICES: {{ join "," $prices | quote }}
{{- end }}
{{- end }}
