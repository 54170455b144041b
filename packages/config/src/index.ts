export type { Concurrency } from './kinds.ts';
export { createLogger, type LoggerOptions } from './logger.ts';
export { nearest } from './nearest.ts';
export { redactUrl } from './redact.ts';
export { isLoopback, sameSecret } from './secret.ts';
export {
  describeSettings,
  type Env,
  envExample,
  type ReadOptions,
  readSettings,
  type SettingLine,
  type SettingName,
  type Settings,
  settingsTable,
} from './settings.ts';
export { version } from './version.ts';
