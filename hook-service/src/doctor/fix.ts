import type { DoctorContext } from './context';
import { applyEdits, type Edit } from './edit';
import type { Diagnosis } from './examine';
import { YamlSource } from './yaml-source';

/** A file as `--fix` leaves it. */
export interface FixedFile {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** Permissions that the file is to get. */
  readonly mode?: number;
}

/** What the fixes of all findings come to, file by file. Nothing is written. */
export function plannedFixes(context: DoctorContext, found: readonly Diagnosis[]): readonly FixedFile[] {
  const edits = found.flatMap(({ fix }) => fix?.edits ?? []);
  const modes = new Map(
    found.flatMap(({ at, fix }) => (fix?.mode === undefined ? [] : [[at.file, fix.mode]])),
  );
  const files = new Set([...edits.map(({ file }) => file), ...modes.keys()]);
  return [...files].flatMap((file) => {
    const before = context.source(file)?.text;
    if (before === undefined) return [];
    const after = withEdits(before, file, edits);
    const mode = modes.get(file);
    if (after === before && mode === undefined) return [];
    // Whatever an edit was meant to do: a file that could be read before can be read after.
    if (
      context.yaml(file)?.top.size !== 0 &&
      context.yaml(file) &&
      new YamlSource(file, after).top.size === 0
    )
      return [];
    return [{ file, before, after, ...(mode === undefined ? {} : { mode }) }];
  });
}

function withEdits(text: string, file: string, edits: readonly Edit[]): string {
  return applyEdits(
    text,
    edits.filter((edit) => edit.file === file),
  ).text;
}
