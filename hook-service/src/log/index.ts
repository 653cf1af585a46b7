export { createLog, type LogLevel, type LogOptions, type RootLog } from './log';
