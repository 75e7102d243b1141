{{- define "platform.selector" -}}
app.kubernetes.io/name: platform
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "platform.labels" -}}
{{ include "platform.selector" . }}
app.kubernetes.io/part-of: oo
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "platform.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end -}}
{{- end }}

{{- define "platform.ownImage" -}}
{{ include "platform.image" (merge (dict "tag" (.Values.image.tag | default .Chart.AppVersion)) .Values.image) }}
{{- end }}

{{- define "platform.natsUrl" -}}
{{ .Values.nats.externalUrl | default (printf "nats://%s-nats:4222" .Values.name) }}
{{- end }}

{{- define "platform.mlflowUrl" -}}
{{ .Values.mlflow.externalUrl | default (printf "http://%s-mlflow:5000" .Values.name) }}
{{- end }}

{{- define "platform.tipScoresSecret" -}}
{{ .Values.postgres.externalSecret | default (printf "%s-postgres" .Values.name) }}
{{- end }}

{{- define "platform.secretPrefix" -}}
{{ .Values.users.secretPrefix | default (printf "%s-nats" .Values.name) }}
{{- end }}

{{- /* The Secrets that the users Job makes. The roles are those of oo.bus.roles. */}}
{{- define "platform.secrets" -}}
{{- $roles := list "scorer" "shadow-scorer" "generator" "shadow-generator" "signals" "archive" "rewards" "bootstrap" "promoter" "caller" "operator" "server" }}
{{- range $roles }}
- {{ include "platform.secretPrefix" $ }}-{{ . }}
{{- end }}
{{- if not .Values.postgres.externalSecret }}
- {{ .Values.name }}-postgres
{{- end }}
{{- end }}

{{- define "platform.catalog" -}}
{{- range $name, $text := .Values.catalog.files | default (dict "tips.yaml" (.Files.Get "files/tips.yaml")) }}
{{ $name }}: {{ $text | quote }}
{{- end }}
{{- end }}

{{- define "platform.catalogPaths" -}}
/etc/oo/catalog/{{ keys (include "platform.catalog" . | fromYaml) | sortAlpha | join ",/etc/oo/catalog/" }}
{{- end }}

{{- define "platform.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Every pod runs so; `restricted` asks for it. */}}
{{- define "platform.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1034
runAsGroup: 1034
fsGroup: 1034
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* A user of the bus, as environment variables. */}}
{{- define "platform.busUser" -}}
- {name: OO_NATS_URL, value: {{ include "platform.natsUrl" .root | quote }}}
- name: OO_NATS_USER
  valueFrom: {secretKeyRef: {name: {{ include "platform.secretPrefix" .root }}-{{ .role }}, key: user}}
- name: OO_NATS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "platform.secretPrefix" .root }}-{{ .role }}, key: password}}
{{- end }}

{{- /* The rights to Secrets are there while a Job needs them, and no longer. */}}
{{- define "platform.usersHook" -}}
helm.sh/hook: pre-install,pre-upgrade{{ if not .Values.keepData }},post-delete{{ end }}
helm.sh/hook-weight: "-10"
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
