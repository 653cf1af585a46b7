import { ToolFailure } from '../../kit/src/tool';

/** What went wrong, for the model. Errors of the storage carry a code; others stay in the log. */
export function asFailure(error: unknown, bucket: string, key?: string): unknown {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'NoSuchBucket':
      return new ToolFailure(`There is no bucket ${JSON.stringify(bucket)}.`);
    case 'NoSuchKey':
    case 'NotFound':
      return new ToolFailure(`There is no object ${JSON.stringify(key ?? '')} in ${JSON.stringify(bucket)}.`);
    case 'AccessDenied':
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
      return new ToolFailure(`The storage refuses access to ${JSON.stringify(bucket)} (${code}).`);
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'ETIMEDOUT':
      return new ToolFailure('The storage cannot be reached now.');
    default:
      return error;
  }
}
