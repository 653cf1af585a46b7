/** A failure that the operator can read: one sentence with what to do. Everything else is a defect of ours. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
