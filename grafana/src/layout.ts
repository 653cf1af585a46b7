/** Keys and fields of the metrics in Redis that panels may read. docs/metrics.md says what they mean. */

export const rollupFields = words(`
  requests armed passed rejected arm_p50_ms arm_p95_ms offered_tools catalog_tokens
  ledger_hits ledger_misses restored_requests restored_bytes
  restored_tokens_in restored_tokens_cached restored_cached_share
  turns answers handed_back mixed limit_rounds limit_calls limit_seconds limit_tokens limit_cost limit_bytes
  limit_repeats limit_rate limit_conversation limit_key
  approvals_asked approvals_approved approvals_declined approvals_expired
  turn_errors turns_gone
  turn_p50_ms turn_p95_ms turn_p99_ms rounds rounds_per_answer
  round_tokens_in round_tokens_out round_tokens_cached hidden_tokens_in hidden_tokens_out
  handed_back_calls held_ms held_p95_ms eager_ms calls errors timeouts
  err_tool_error err_protocol_error err_timeout err_transport err_cancelled err_unknown_tool err_denied
  err_invalid_arguments err_limit err_unknown_fate
  cached replayed cut masked outside_calls p50_ms p95_ms p99_ms wait_ms bytes_in bytes_out cost_tools_usd
  llm_calls llm_errors llm_p50_ms llm_p95_ms llm_p99_ms tokens_in tokens_out tokens_cached cost_usd
  inflight active_conversations servers_up servers_total reconnects
  unavailable door_dropped hooks_refused metrics_dropped late_buckets replicas`);

export const toolFields = words(`
  calls errors timeouts p50_ms p95_ms p99_ms cached replayed cut masked denied wait_ms bytes_in bytes_out cost_usd`);

export const serverFields = words(`
  up connects reconnects disconnects tools calls errors timeouts p50_ms p95_ms p99_ms bytes_out cost_usd`);

export const keyFields = words(`
  requests armed offered_tools catalog_tokens turns turn_errors rounds calls errors denied
  tokens_in tokens_out tokens_cached hidden_tokens_in hidden_tokens_out
  llm_calls llm_errors cost_usd cost_tools_usd`);

export const modelFields = words(`
  turns rounds llm_calls llm_errors llm_p50_ms llm_p95_ms llm_p99_ms tokens_in tokens_out tokens_cached cost_usd`);

/** Sums per tool, in a hash. */
export const toolSums = words('calls errors timeouts bytes_in bytes_out ms cost_usd');

export const callTexts = words('tool server key client model dialect turn conv status error_type');
export const callNumbers = words('at_ms ms wait_ms bytes_in bytes_out round cost_usd');

export const turnTexts = words('turn conv key client model dialect end stream');
export const turnNumbers = words(`
  at_ms ms rounds calls failed_calls handed_back_calls tokens_in tokens_out tokens_cached
  hidden_tokens_in hidden_tokens_out held_ms eager_ms cost_usd cost_tools_usd`);

export const gaugeNumbers = words(`
  inflight active_conversations servers_up servers_total tools tools_withheld queue replicas updated_at_ms`);
export const gaugeTexts = words('version redis');

export const stateTexts = words('state reason');
export const stateNumbers = words('up tools updated_at_ms');

/** Upper bounds of the buckets of durations, in the order in which a panel shows them. */
export const durationBuckets = words(`
  le_10 le_20 le_50 le_100 le_200 le_500 le_1000 le_2000 le_5000 le_10000 le_30000 le_60000 le_120000 le_300000
  inf`);
export const roundBuckets = words('r_1 r_2 r_3 r_4 r_5 r_6 r_7 r_8 r_9 r_10 more');

export const topLists = words(
  'top:calls top:errors top:p95 top:cost-tools top:cost-keys top:cost-models top:tokens-keys',
);
export const nameSets = words('tools servers keys models');

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
