import { SpanKind, SpanStatusCode, TraceFlags, type HrTime, type SpanContext } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { logFailure } from '../core/failure-policy';
import type { Observer } from '../core/observer';
import type { Log } from '../core/ports';
import { within } from '../core/within';
import { spanMaker, type FinishedSpan } from './spans';
import type { TracingSettings } from './settings';

/** How long a stop waits for what is still to be sent. */
const flushMs = 3_000;

/** Sends spans of turns, rounds and calls to a collector. */
export interface Tracing {
  readonly observer: Observer;
  /** Sends what is left, for 3 s at most. Never throws. */
  stop(): Promise<void>;
}

/**
 * Collects and sends in batches, beside the requests: 2048 spans wait at most, and what comes on top is dropped.
 * A collector that is away is logged once. The libraries are loaded here, so that they cost nothing where nobody
 * wants traces.
 */
export async function startTracing(settings: TracingSettings, log: Log): Promise<Tracing> {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const same = {
    resource: resourceFromAttributes({ ...settings.resource, 'service.name': settings.serviceName }),
    instrumentationScope: { name: 'toolturn' },
  };
  const processor = new BatchSpanProcessor({ exporter: watched(new OTLPTraceExporter(), log) });
  return {
    observer: spanMaker((span) => processor.onEnd(readable(span, same)), settings),
    stop: async () => {
      await within(
        flushMs,
        processor.shutdown().catch(() => undefined),
      );
    },
  };
}

/** Says when spans are lost, and when they arrive again; once each. */
function watched(exporter: SpanExporter, log: Log): SpanExporter {
  let fails = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined;
        if (failed && !fails) logFailure(log, 'traces', 'lost', { reason: result.error?.message ?? '' });
        if (!failed && fails) logFailure(log, 'traces', 'back');
        fails = failed;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

function readable(
  span: FinishedSpan,
  same: Pick<ReadableSpan, 'resource' | 'instrumentationScope'>,
): ReadableSpan {
  const { traceId, spanId, parentId, error } = span;
  const context = (id: string): SpanContext => ({ traceId, spanId: id, traceFlags: TraceFlags.SAMPLED });
  const own = context(spanId);
  return {
    ...same,
    name: span.name,
    kind: span.kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
    spanContext: () => own,
    ...(parentId === undefined ? {} : { parentSpanContext: context(parentId) }),
    startTime: hrTime(span.from),
    endTime: hrTime(span.to),
    duration: hrTime(span.to - span.from),
    status: { code: error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
    attributes: { ...span.attributes, ...(error === undefined ? {} : { 'error.type': error }) },
    links: [],
    events: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
