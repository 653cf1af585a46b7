import type { Entry } from '../config/yaml-walker';
import type { DoctorContext } from './context';
import type { Fix } from './rule';
import { entriesOf } from './yaml-source';

/**
 * A fix that moves an entry with its comment into `general_settings`; undefined where both do not have lines of their
 * own in one file. Where the section has such an entry already, that one stays and the other goes.
 */
export function movedToGeneral(context: DoctorContext, name: string, entry: Entry): Fix | undefined {
  const source = context.yaml(entry.at.file);
  const general = context.section('general_settings');
  const removal = source?.removeEntry(entry.at) ?? [];
  if (source === undefined || removal.length === 0) return undefined;
  if (entriesOf(general?.value).has(name)) return { edits: removal };
  const line = source.restOfLine(entry.at);
  if (general === undefined)
    return { edits: [...removal, source.append(['general_settings:', `  ${line}`])] };
  const insertion = general.at.file === source.file ? source.insertInside(general.at, [line]) : [];
  return insertion.length === 0 ? undefined : { edits: [...removal, ...insertion] };
}
