/**
 * Whether what cannot be tested here is a failure: in CI, and where `WORKBENCH_REQUIRE_SHARED=1` asks for everything.
 * Real data and checkpoints (shared.ts) are another matter: CI does not have them.
 */
export const isComplete = process.env['WORKBENCH_REQUIRE_SHARED'] === '1' || Boolean(process.env['CI'])
