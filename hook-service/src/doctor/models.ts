import type { DoctorContext } from './context';
import type { Mark } from '../config/problems';
import type { Entry } from '../config/yaml-walker';
import { entriesOf, itemsOf, textOf } from './yaml-source';

/** The models of `model_list`: what `model:` says, where, and what stands beside it. */
export function writtenModels(context: DoctorContext): {
  readonly name: string;
  readonly model: string;
  readonly at: Mark;
  readonly params: ReadonlyMap<string, Entry>;
}[] {
  return itemsOf(context.section('model_list')?.value).flatMap((item) => {
    const entry = entriesOf(item);
    const params = entriesOf(entry.get('litellm_params')?.value);
    const value = params.get('model')?.value;
    const model = textOf(value);
    const name = textOf(entry.get('model_name')?.value) ?? '';
    return value === undefined || model === undefined ? [] : [{ name, model, at: value.at, params }];
  });
}
