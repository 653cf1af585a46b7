import { tracingSettings } from './settings';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test('traces are collected where an endpoint is set, and nowhere else', () => {
  expect(tracingSettings({})).toBeUndefined();
  expect(tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBeUndefined();
  expect(tracingSettings(endpoint)).toEqual({ serviceName: 'toolturn', resource: {}, content: false });
  expect(tracingSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/v1/traces' })).toBeDefined();
});

test.each([{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }])(
  '%j switches them off',
  (off) => {
    expect(tracingSettings({ ...endpoint, ...off })).toBeUndefined();
  },
);

test('the process is named as OpenTelemetry’s variables say', () => {
  const resource = { OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=lab%20one,service.name=a,%,b=%ZZ' };
  expect(tracingSettings({ ...endpoint, ...resource })).toMatchObject({
    serviceName: 'a',
    resource: { 'deployment.environment': 'lab one', b: '%ZZ' },
  });
  expect(tracingSettings({ ...endpoint, ...resource, OTEL_SERVICE_NAME: 'b' })?.serviceName).toBe('b');
});

test('content is kept where people have opted in', () => {
  const opted = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' };
  expect(tracingSettings({ ...endpoint, ...opted })?.content).toBe(true);
});
