{{- /* What no schema can say. Each names the value and the remedy. */}}
{{- define "platform.refusals" -}}
{{- if and (not .Values.nats.externalUrl) (gt (int .Values.streams.replicas) 1) }}
{{- fail (printf "streams.replicas is %d, and the bus of this chart is one server: set it to 1, or nats.externalUrl to a cluster's address." (int .Values.streams.replicas)) }}
{{- end }}
{{- if and (not .Values.users.create) (not .Values.postgres.externalSecret) }}
{{- fail (printf "users.create is false, so nobody makes the Secret %s-postgres that the database here needs: name yours in postgres.externalSecret, or set users.create to true." .Values.name) }}
{{- end }}
{{- if and .Values.offlineStore.credentialsSecret (not .Values.offlineStore.externalUri) }}
{{- fail "offlineStore.credentialsSecret is for an object store, and offlineStore.externalUri is empty: set it, or leave the Secret out." }}
{{- end }}
{{- if and .Values.promoter.models (not .Values.promoter.enabled) }}
{{- fail (printf "promoter.models names %s, and promoter.enabled is false: nobody would move them. Set it to true, or leave the models out." (join ", " .Values.promoter.models)) }}
{{- end }}
{{- end }}
