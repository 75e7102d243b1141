{{- define "platform.bootstrapPod" -}}
metadata:
  labels: {{- include "platform.labels" (dict "root" . "name" "bootstrap") | nindent 4 }}
  annotations:
    oo/catalog: {{ include "platform.catalog" . | sha256sum | trunc 16 | quote }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ .Values.name }}-platform
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "platform.pullSecrets" . | nindent 2 }}
  securityContext: {{- include "platform.podSecurity" . | nindent 4 }}
  containers:
    - name: bootstrap
      image: {{ include "platform.ownImage" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [bootstrap]
      env:
        {{- include "platform.busUser" (dict "root" . "role" "bootstrap") | nindent 8 }}
        - {name: OO_MLFLOW_URL, value: {{ include "platform.mlflowUrl" . | quote }}}
        - {name: OO_CATALOG, value: {{ include "platform.catalogPaths" . | quote }}}
        - {name: OO_STREAM_REPLICAS, value: {{ .Values.streams.replicas | quote }}}
        {{- with .Values.streams.maxAgeDays }}
        - {name: OO_STREAM_MAX_AGE_DAYS, value: {{ toJson . | quote }}}
        {{- end }}
        {{- with .Values.streams.maxBytes }}
        - {name: OO_STREAM_MAX_BYTES, value: {{ toJson . | quote }}}
        {{- end }}
        # Who the registry says it was: the image knows no names of users.
        - {name: LOGNAME, value: bootstrap}
      resources:
        requests: {cpu: 100m, memory: 384Mi}
        limits: {memory: 1536Mi}
      securityContext: {{- include "platform.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: catalog, mountPath: /etc/oo/catalog, readOnly: true}
        {{- if not .Values.offlineStore.externalUri }}
        # Not for itself: many classes bind a claim when a first pod mounts it, and `helm install --wait` waits for that.
        - {name: offline-store, mountPath: /var/lib/oo}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    - name: catalog
      configMap: {name: {{ .Values.name }}-catalog}
    {{- if not .Values.offlineStore.externalUri }}
    - name: offline-store
      persistentVolumeClaim: {claimName: {{ .Values.name }}-offline-store}
    {{- end }}
{{- end }}
