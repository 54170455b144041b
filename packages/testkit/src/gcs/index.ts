export { type FaultKind, type FaultPlan, USUAL_FAULTS } from './faults.ts';
export { type GcsServer, type GcsServerOptions, startGcsServer } from './server.ts';
