{{/* A Job of the release that runs a module of hedgepair_operator.release and ends. */}}
{{- define "hedgepair.job" -}}
{{- $labels := dict "root" .root "component" .component -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "hedgepair.labels" $labels | nindent 4 }}
  annotations: {{- include "hedgepair.hookAnnotations" .annotations | nindent 4 }}
spec:
  backoffLimit: {{ .retries }}
  activeDeadlineSeconds: {{ default 300 .deadline }}
  template:
    metadata:
      labels:
        {{- include "hedgepair.podLabels" $labels | nindent 8 }}
        hedgepair.io/job: "true"
    spec:
      {{- include "hedgepair.jobPod" . | nindent 6 }}
{{- end }}

{{- define "hedgepair.jobPod" -}}
restartPolicy: Never
serviceAccountName: {{ .account }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- include "hedgepair.pullSecrets" .root }}
securityContext: {{- include "hedgepair.podSecurity" 65532 | nindent 2 }}
containers:
  - name: {{ .component }}
    image: {{ include "hedgepair.image" (dict "root" .root "image" .root.Values.images.operator) }}
    imagePullPolicy: {{ .root.Values.images.operator.pullPolicy }}
    command: [python3, -m, hedgepair_operator.release.{{ .module }}]
    args: {{- toYaml .arguments | nindent 6 }}
    env:
      - name: HEDGEPAIR_NAMESPACE
        valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
    # What it says last stands in `kubectl describe`.
    terminationMessagePolicy: FallbackToLogsOnError
    resources:
      requests: {cpu: 50m, memory: 64Mi}
      limits: {memory: 128Mi}
    securityContext: {{- include "hedgepair.containerSecurity" . | nindent 6 }}
{{- end }}
