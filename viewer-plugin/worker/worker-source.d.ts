// The density worker as text: bundle.mjs compiles it and puts it there, so that the plugin is one file wherever it is loaded from.
declare module 'limber:density-worker' {
  const source: string;
  export default source;
}
