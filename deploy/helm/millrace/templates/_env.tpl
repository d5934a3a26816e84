{{/* The node's settings. A name may stand only once, so that `settings` and `extraEnv` cannot replace what is said here. */}}
{{- define "millrace.env" -}}
- name: MILLRACE_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: MILLRACE_NODE_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
- name: MILLRACE_RENUMBER
  value: "true"
- name: MILLRACE_DATA_DIR
  # A folder inside of the volume: its top may hold what file systems put there, such as lost+found.
  value: /var/lib/millrace/node
- name: MILLRACE_ADVERTISE
  value: $(MILLRACE_POD_NAME).{{ include "millrace.podDomain" . }}
- name: MILLRACE_SEEDS
  value: {{ include "millrace.seeds" . | quote }}
- name: MILLRACE_BOOTSTRAP_EXPECT
  value: {{ .Values.bootstrapExpect | quote }}
- name: MILLRACE_STOP_PATIENCE_SECONDS
  value: {{ .Values.stopPatienceSeconds | quote }}
- name: MILLRACE_LINGER_SECONDS
  value: {{ .Values.lingerSeconds | quote }}
- name: MILLRACE_DRAIN_ON_SCALE_DOWN
  value: {{ .Values.drainOnScaleDown | quote }}
- name: MILLRACE_LOG_FORMAT
  value: {{ .Values.log.format }}
{{- with .Values.log.filter }}
- name: MILLRACE_LOG
  value: {{ . | quote }}
{{- end }}
{{- with .Values.zones.fixed }}
- name: MILLRACE_ZONE
  value: {{ . | quote }}
{{- end }}
{{- if .Values.zones.fromNodes }}
- name: MILLRACE_ZONE_FROM_KUBERNETES_NODE
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: MILLRACE_{{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
