{{- /* The pod of a role, the same for a Deployment and an InferenceService but for the container's name. */}}
{{- define "bento.pod" -}}
{{- $values := .root.Values -}}
{{- $user := printf "%s-%s%s" $values.nats.secretPrefix (ternary "shadow-" "" (eq .role "shadow")) $values.service -}}
{{- $catalog := or $values.catalog.texts $values.catalog.configMap -}}
serviceAccountName: {{ .root.Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $values.drain.graceSeconds }}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1034
  runAsGroup: 1034
  fsGroup: 1034
  seccompProfile: {type: RuntimeDefault}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ $values.topologySpread }}
    labelSelector:
      matchLabels: {{- include "bento.selector" . | nindent 8 }}
containers:
  - name: {{ .container }}
    image: {{ include "bento.image" . }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    ports:
      - {name: http, containerPort: 3000, protocol: TCP}
    env:
      - {name: SERVING_ROLE, value: {{ .role }}}
      - {name: OO_NATS_URL, value: {{ $values.nats.url | quote }}}
      - name: OO_NATS_USER
        valueFrom: {secretKeyRef: {name: {{ $user }}, key: user}}
      - name: OO_NATS_PASSWORD
        valueFrom: {secretKeyRef: {name: {{ $user }}, key: password}}
      - {name: OO_CALLERS, value: {{ ternary "anyone" "/etc/oo/callers/callers.yaml" $values.callers.anyone }}}
      - {name: OO_MAX_BODY_BYTES, value: {{ $values.limits.maxBodyBytes | int64 | quote }}}
      - {name: OO_TENANT_CONCURRENCY, value: {{ $values.limits.tenantConcurrency | int64 | quote }}}
      {{- with $values.limits.tenantRequestsPerSecond }}
      - {name: OO_TENANT_REQUESTS_PER_SECOND, value: {{ . | quote }}}
      {{- end }}
      {{- if $catalog }}
      {{- $files := ternary $values.catalog.files (keys $values.catalog.texts | sortAlpha) (empty $values.catalog.texts) }}
      - {name: OO_CATALOG, value: "/etc/oo/catalog/{{ join ",/etc/oo/catalog/" $files }}"}
      {{- end }}
      {{- if eq $values.service "scorer" }}
      - {name: OO_MLFLOW_URL, value: {{ $values.mlflow.url | quote }}}
      {{- end }}
      {{- with include "bento.languageModel" . }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with get $values.faults .role }}
      {{- if .errorsPercent }}
      - {name: OO_FAULT_ERRORS_PERCENT, value: {{ .errorsPercent | quote }}}
      {{- end }}
      {{- if .delaySeconds }}
      - {name: OO_FAULT_DELAY_SECONDS, value: {{ .delaySeconds | quote }}}
      {{- end }}
      {{- end }}
      {{- range $name, $value := $values.settings }}
      - {name: {{ $name }}, value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}}
      {{- end }}
    # It answers once its libraries are loaded and the bus has what it reads, for which it waits up to two minutes.
    startupProbe:
      httpGet: {path: /livez, port: http}
      periodSeconds: 1
      timeoutSeconds: 2
      failureThreshold: 180
    livenessProbe:
      httpGet: {path: /livez, port: http}
      periodSeconds: 10
      timeoutSeconds: 5
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: 2
      timeoutSeconds: 2
    lifecycle:
      preStop: {sleep: {seconds: {{ $values.drain.sleepSeconds }}}}
    resources: {{- toYaml $values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if $values.callers.existingSecret }}
      - {name: callers, mountPath: /etc/oo/callers, readOnly: true}
      {{- end }}
      {{- if $catalog }}
      - {name: catalog, mountPath: /etc/oo/catalog, readOnly: true}
      {{- end }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
  {{- with $values.callers.existingSecret }}
  - name: callers
    secret: {secretName: {{ . }}}
  {{- end }}
  {{- if $catalog }}
  - name: catalog
    configMap: {name: {{ $values.catalog.configMap | default (printf "%s-catalog" .root.Release.Name) }}}
  {{- end }}
{{- end }}

{{- /* What a generator is told of its language model. A shadow that may not ask is told of none. */}}
{{- define "bento.languageModel" -}}
{{- $values := .root.Values -}}
{{- if include "bento.asksModel" . -}}
- {name: OO_LLM_MODEL, value: {{ join "," $values.llm.models | quote }}}
- {name: OO_LLM_TIMEOUT, value: {{ $values.llm.timeoutSeconds | quote }}}
- {name: OO_LLM_DAILY_USD, value: {{ ternary $values.shadow.llm.dailyUsd $values.llm.dailyUsd (eq .role "shadow") | quote }}}
{{- with $values.llm.apiBase }}
- {name: OO_LLM_API_BASE, value: {{ . | quote }}}
{{- end }}
{{- with $values.llm.existingSecret }}
- name: OO_LLM_API_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: api-key}}
{{- end }}
{{- else if eq $values.service "generator" -}}
- {name: OO_LLM_MODEL, value: offline}
{{- end -}}
{{- end }}

{{- /* What a pod is annotated with: a new catalog makes new pods. */}}
{{- define "bento.podAnnotations" -}}
{{- with .Values.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- with .Values.catalog.texts }}
oo/catalog: {{ toJson . | sha256sum }}
{{- end }}
{{- end }}
