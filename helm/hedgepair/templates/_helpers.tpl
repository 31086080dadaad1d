{{- define "hedgepair.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Labels of an object; call with (dict "root" $ "component" "redis"). */}}
{{- define "hedgepair.labels" -}}
{{ include "hedgepair.selector" . }}
app.kubernetes.io/part-of: hedgepair
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of pods that an upgrade of the chart alone shall not restart: without a version. */}}
{{- define "hedgepair.podLabels" -}}
{{ include "hedgepair.selector" . }}
app.kubernetes.io/part-of: hedgepair
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hedgepair.selector" -}}
app.kubernetes.io/name: hedgepair
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* repository:tag or repository@digest; call with (dict "root" $ "image" .Values.images.operator). */}}
{{- define "hedgepair.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end -}}
{{- end }}

{{- define "hedgepair.serviceAccount" -}}
{{- default (ternary (printf "%s-operator" (include "hedgepair.fullname" .)) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{- define "hedgepair.redisSecret" -}}
{{- default (printf "%s-redis" (include "hedgepair.fullname" .)) .Values.redis.existingSecret -}}
{{- end }}

{{- define "hedgepair.redisHost" -}}
{{ include "hedgepair.fullname" . }}-redis.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "hedgepair.exchangeUrl" -}}
http://{{ include "hedgepair.fullname" . }}-exchange.{{ .Release.Namespace }}.svc:8080
{{- end }}

{{/* What the installation hook makes: the Secret with Redis' access, the exchange's admin token. */}}
{{- define "hedgepair.secretArguments" -}}
{{- $arguments := list -}}
{{- if and .Values.redis.enabled (not .Values.redis.existingSecret) -}}
{{- $arguments = concat $arguments (list "--redis" (include "hedgepair.redisSecret" .) "--redis-host" (include "hedgepair.redisHost" .)) -}}
{{- end -}}
{{- if and .Values.exchange.enabled .Values.exchange.admin.enabled -}}
{{- $arguments = concat $arguments (list "--token" (printf "%s-exchange-admin" (include "hedgepair.fullname" .))) -}}
{{- end -}}
{{- with $arguments }}{{ toJson . }}{{ end -}}
{{- end }}

{{/* Where `helm test` trades: a namespace that is served. */}}
{{- define "hedgepair.testNamespace" -}}
{{- if or (not .Values.watchNamespaces) (has .Release.Namespace .Values.watchNamespaces) -}}
{{ .Release.Namespace }}
{{- else -}}
{{ first .Values.watchNamespaces }}
{{- end -}}
{{- end }}

{{/* Call with the numeric user: every container of the release is restricted. */}}
{{- define "hedgepair.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "hedgepair.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "hedgepair.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "hedgepair.apart" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "hedgepair.selector" . | nindent 12 }}
{{- end }}

{{- define "hedgepair.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What the operator may do where it serves pairs; proved equal to what it does. Of Secrets it
writes its own and reads none. */}}
{{- define "hedgepair.operatorRules" -}}
- apiGroups: [hedgepair.io]
  resources: [hedgepairs]
  verbs: [get, list, watch, patch]
- apiGroups: [hedgepair.io]
  resources: [hedgepairs/status]
  verbs: [patch]
- apiGroups: [hedgepair.io]
  resources: [hedgepairs/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- define "hedgepair.hookAnnotations" -}}
helm.sh/hook: {{ .hook }}
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: {{ .delete }}
{{- end }}
