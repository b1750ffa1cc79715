/** The part of Lambda's global `awslambda` that this example uses. */
declare namespace awslambda {
  type ResponseStream = import('node:stream').Writable;

  /** The event of a Function URL, as far as this example reads it. */
  interface FunctionUrlEvent {
    rawPath: string;
    rawQueryString: string;
    headers: Record<string, string>;
    requestContext: { http: { method: string } };
  }

  interface Context {
    awsRequestId: string;
    getRemainingTimeInMillis(): number;
  }

  type StreamingHandler = (event: FunctionUrlEvent, responseStream: ResponseStream, context: Context) => Promise<void>;

  function streamifyResponse(handler: StreamingHandler): StreamingHandler;

  namespace HttpResponseStream {
    function from(responseStream: ResponseStream, prelude: { statusCode: number; headers: Record<string, string> }): ResponseStream;
  }
}

// The template's Loader makes texts of them.
declare module '*.css' {
  const text: string;
  export default text;
}
declare module '*.svg' {
  const text: string;
  export default text;
}
