{{- define "millrace.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "millrace.peers" -}}
{{ include "millrace.fullname" . }}-peers
{{- end -}}

{{- define "millrace.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Of the pods that are nodes: the pod of `helm test` is none. */}}
{{- define "millrace.nodes" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/component: node
{{- end -}}

{{- define "millrace.labels" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end -}}

{{- define "millrace.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- define "millrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "millrace.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* Whether the pods talk to the API server at all. */}}
{{- define "millrace.asksApiServer" -}}
{{- or .Values.drainOnScaleDown .Values.zones.fromNodes -}}
{{- end -}}

{{/* A ClusterRole has no namespace, so that its name has it. */}}
{{- define "millrace.clusterRole" -}}
{{ printf "%s-%s-zones" .Release.Namespace (include "millrace.fullname" .) | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "millrace.podDomain" -}}
{{ include "millrace.peers" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}

{{/* The founders, by the names that they have whether they run or not. They do not follow `replicas` either: a pod template that
changes with the scale would restart every node at each change of it. */}}
{{- define "millrace.seeds" -}}
{{- $seeds := list -}}
{{- range $i := untilStep 1 (int (add1 .Values.bootstrapExpect)) 1 -}}
{{- $seeds = append $seeds (printf "%s-%d.%s:4567" (include "millrace.fullname" $) $i (include "millrace.podDomain" $)) -}}
{{- end -}}
{{- join "," $seeds -}}
{{- end -}}

{{/* What no schema can say. */}}
{{- define "millrace.check" -}}
{{- if and .Release.IsInstall (lt (int .Values.replicas) (int .Values.bootstrapExpect)) -}}
{{- fail (printf "replicas is %v, but %v nodes are to found the cluster (bootstrapExpect): it would wait for them for ever" .Values.replicas .Values.bootstrapExpect) -}}
{{- end -}}
{{- $live := lookup "apps/v1" "StatefulSet" .Release.Namespace (include "millrace.fullname" .) -}}
{{- if $live -}}
{{- $born := dig "metadata" "annotations" "millrace/bootstrap-expect" "" $live -}}
{{- if and $born (ne $born (toString .Values.bootstrapExpect)) -}}
{{- fail (printf "bootstrapExpect is fixed at install: this cluster was founded with %s, not %v" $born .Values.bootstrapExpect) -}}
{{- end -}}
{{- end -}}
{{- end -}}
