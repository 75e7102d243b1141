{{- define "consumers.selector" -}}
app.kubernetes.io/name: consumers
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "consumers.labels" -}}
{{ include "consumers.selector" . }}
app.kubernetes.io/part-of: oo
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "consumers.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- /* The streams that a consumer reads, as oo.events.subjects has them; its durable there is `<consumer>-<stream>`. */}}
{{- define "consumers.streams" -}}
{{- get (dict
  "signals" "SIGNALS ADVISORIES"
  "archive" "SIGNALS FEEDBACK DECISIONS ADVISORIES"
  "rewards" "DECISIONS FEEDBACK ADVISORIES"
) . -}}
{{- end }}

{{- /* Host and port of the bus's monitoring. */}}
{{- define "consumers.monitoring" -}}
{{- if .Values.nats.monitoring -}}
{{ .Values.nats.monitoring }}
{{- else -}}
{{- $host := (urlParse .Values.nats.url).hostname -}}
{{- if contains "." $host }}{{ $host }}{{ else }}{{ $host }}.{{ .Release.Namespace }}{{ end }}:8222
{{- end -}}
{{- end }}
