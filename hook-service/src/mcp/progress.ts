import type { ToolCallRequest } from '../core/ports';
import { cleanText } from './clean-text';

const longestMessage = 200;

/** A notification `notifications/progress` as the SDK hands it on (MCP specification, progress). */
interface Notification {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** What a call asks of the SDK about progress. Also without a listener: progress begins the call's deadline anew. */
export function progressOptions(request: Pick<ToolCallRequest, 'onProgress'>): {
  resetTimeoutOnProgress: true;
  onprogress: (notification: Notification) => void;
} {
  const { onProgress } = request;
  return {
    resetTimeoutOnProgress: true,
    onprogress: ({ progress, total, message }) => {
      if (onProgress === undefined || !Number.isFinite(progress)) return;
      const words = typeof message === 'string' ? cleanText(message, longestMessage) : '';
      onProgress({
        progress,
        ...(typeof total === 'number' && Number.isFinite(total) ? { total } : {}),
        ...(words === '' ? {} : { message: words }),
      });
    },
  };
}
