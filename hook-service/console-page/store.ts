import type {
  ApprovalView,
  CallAnswer,
  ConfigView,
  DoctorView,
  LimitHit,
  Overview,
  PartView,
  ToolDetail,
  ToolList,
  TurnView,
} from './shapes.ts';
import { noFilter, type ToolFilter } from './tool-list.ts';

/** Everything the page shows. Changed by `change` alone, which draws it anew. */
export interface State {
  path: string;
  query: URLSearchParams;
  /** Of the stream of events. */
  link: 'connecting' | 'live' | 'lost';
  /** The server's clock minus this one's. */
  clockOffset: number;
  overview?: Overview;
  parts: readonly PartView[];
  turns: ReadonlyMap<string, TurnView>;
  limits: readonly LimitHit[];
  changes: number;
  approvals: readonly ApprovalView[];
  /** What was typed as a reason, and what went wrong, by the code of the question. */
  reasons: ReadonlyMap<string, string>;
  refusals: ReadonlyMap<string, string>;
  tools?: ToolList;
  filter: ToolFilter;
  tool?: { readonly id: string; readonly detail?: ToolDetail; readonly problem?: string };
  doctor?: DoctorView;
  config?: ConfigView;
  /** What could not be loaded, by the path it was asked at. */
  problems: ReadonlyMap<string, string>;
  /** A LiteLLM key that somebody typed. Here and nowhere else; gone with the page. */
  key: string;
  usable?: ReadonlySet<string>;
  keyProblem?: string;
  form: ReadonlyMap<string, string>;
  call?: {
    readonly id: string;
    readonly running: boolean;
    readonly answer?: CallAnswer;
    readonly problem?: string;
  };
  /** Told to people who do not see the page change. */
  said: string;
}

export const state: State = {
  path: location.pathname,
  query: new URLSearchParams(location.search),
  link: 'connecting',
  clockOffset: 0,
  parts: [],
  turns: new Map(),
  limits: [],
  changes: 0,
  approvals: [],
  reasons: new Map(),
  refusals: new Map(),
  filter: noFilter,
  problems: new Map(),
  key: '',
  form: new Map(),
  said: '',
};

let draw: () => void = () => undefined;
let isWaiting = false;

/** Where the page is drawn. */
export function drawWith(drawing: () => void): void {
  draw = drawing;
}

/** Changes what is shown; several changes at once are drawn once. A field that is undefined is taken out. */
export function change(changed: { [K in keyof State]?: State[K] | undefined }): void {
  for (const [name, value] of Object.entries(changed)) {
    if (value === undefined) delete (state as unknown as Record<string, unknown>)[name];
    else (state as unknown as Record<string, unknown>)[name] = value;
  }
  redraw();
}

export function redraw(): void {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    draw();
  });
}

/** The time at the server. */
export const now = (): number => Date.now() + state.clockOffset;
