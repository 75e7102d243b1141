{{- /* What no schema can say. Each names the value and the remedy. */}}
{{- define "consumers.refusals" -}}
{{- if gt (len .Release.Name) 40 }}
{{- fail (printf "The release's name %q is too long: names of consumers follow it, so choose one of 40 characters at most." .Release.Name) }}
{{- end }}
{{- range $name, $consumer := .Values.consumers }}
{{- with $consumer.autoscaling }}
{{- if and $consumer.enabled .enabled }}
{{- if not ($.Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject") }}
{{- fail (printf "consumers.%s.autoscaling.enabled needs KEDA, and this cluster does not serve keda.sh/v1alpha1: install KEDA, or set it to false and choose replicas." $name) }}
{{- end }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
{{- fail (printf "consumers.%s.autoscaling: minReplicas %d is above maxReplicas %d." $name (int .minReplicas) (int .maxReplicas)) }}
{{- end }}
{{- if and (contains "," $.Values.nats.url) (not $.Values.nats.monitoring) }}
{{- fail (printf "consumers.%s.autoscaling: nats.url has several servers, so nats.monitoring must say where KEDA asks, such as nats.nats:8222." $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.consumers.archive.enabled }}
{{- with .Values.offlineStore }}
{{- if and .claim .uri }}
{{- fail (printf "offlineStore has both claim %q and uri %q, and the archive writes to one: set the other to \"\"." .claim .uri) }}
{{- end }}
{{- if not (or .claim .uri) }}
{{- fail "offlineStore has neither claim nor uri, and the archive would lose what it keeps: name a PersistentVolumeClaim or an address." }}
{{- end }}
{{- if and .credentialsSecret (not .uri) }}
{{- fail "offlineStore.credentialsSecret is for an object store, and offlineStore.uri is empty: set it, or leave the Secret out." }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
