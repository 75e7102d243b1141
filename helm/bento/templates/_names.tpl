{{- define "bento.selector" -}}
app.kubernetes.io/name: oo-{{ .root.Values.service }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "bento.release" -}}
app.kubernetes.io/name: oo-{{ .Values.service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: oo
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "bento.labels" -}}
{{ include "bento.release" .root }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- /* What a role runs: a shadow's and a canary's digest, or stable's digest or tag. */}}
{{- define "bento.image" -}}
{{- $image := .root.Values.image -}}
{{- $digest := (ternary .root.Values (get .root.Values .role) (eq .role "stable")).image.digest -}}
{{- $image.repository | default (printf "oo-%s" .root.Values.service) -}}
{{- if $digest }}@{{ $digest }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{- /* The path of the service's one route. */}}
{{- define "bento.path" -}}
{{- get (dict "scorer" "/score" "generator" "/generate") .Values.service -}}
{{- end }}

{{- /* Non-empty when a role asks a language model over the network. */}}
{{- define "bento.asksModel" -}}
{{- $allowed := or (ne .role "shadow") .root.Values.shadow.llm.allowed -}}
{{- if and (eq .root.Values.service "generator") $allowed (ne (join "," .root.Values.llm.models) "offline") }}yes{{ end -}}
{{- end }}

{{- /* The Service that the route sends a role's requests to: ours, or the one that KServe makes. */}}
{{- define "bento.backend" -}}
{{- if eq .root.Values.workload.kind "inferenceservice" -}}
{name: {{ .root.Release.Name }}-{{ .role }}-predictor, port: 80{{ else -}}
{name: {{ .root.Release.Name }}-{{ .role }}, port: 3000{{ end -}}
{{- end }}
