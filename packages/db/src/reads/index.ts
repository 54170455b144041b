/** What people ask of the database, as functions over one read handle. */
export * from './album.ts';
export * from './audience.ts';
export { causeOf, openReads, type ReadHandle, type Reads, spoken } from './client.ts';
export * from './directory.ts';
export * from './events.ts';
export * from './filing.ts';
export * from './fleet.ts';
export * from './integrity.ts';
export * from './library.ts';
export * from './metrics.ts';
export * from './runs.ts';
export * from './search.ts';
export * from './sources.ts';
export * from './subjects.ts';
export * from './tickets.ts';
export * from './video-moments.ts';
export * from './watching.ts';
