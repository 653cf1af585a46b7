/** What OpenTelemetry's own variables say about traces. */
export interface TracingSettings {
  readonly serviceName: string;
  /** More attributes of this process. */
  readonly resource: Readonly<Record<string, string>>;
  /** True where arguments and results may be in spans. */
  readonly content: boolean;
}

/**
 * Undefined where no endpoint is set, or traces are switched off. Endpoint, headers and timeouts are read by the
 * exporter itself (OpenTelemetry, "OTLP Exporter Configuration").
 */
export function tracingSettings(
  env: Readonly<Record<string, string | undefined>>,
): TracingSettings | undefined {
  const given = (name: string): string => env[name]?.trim() ?? '';
  const endpoint = given('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') || given('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (endpoint === '' || given('OTEL_TRACES_EXPORTER') === 'none') return undefined;
  if (isTrue(given('OTEL_SDK_DISABLED'))) return undefined;
  const resource = keysAndValues(given('OTEL_RESOURCE_ATTRIBUTES'));
  return {
    serviceName: given('OTEL_SERVICE_NAME') || (resource['service.name'] ?? 'toolturn'),
    resource,
    content: isTrue(given('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT')),
  };
}

function isTrue(text: string): boolean {
  return text.toLowerCase() === 'true';
}

/** `a=b,c=d`, percent-encoded; what is not of this form is left out. */
function keysAndValues(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').flatMap((pair): [string, string][] => {
      const at = pair.indexOf('=');
      const key = pair.slice(0, Math.max(at, 0)).trim();
      return key === '' ? [] : [[key, decoded(pair.slice(at + 1).trim())]];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
