/**
 * The global `awslambda` of Lambda's Node.js runtimes, as far as a streaming
 * function needs it. There is nothing to import and nothing to install.
 */
declare namespace awslambda {
  /** Where a streaming handler writes its response. */
  interface ResponseStream {
    /** Sends a piece. False means that the reader is behind: wait for "drain" before writing much more. */
    write(chunk: string | Uint8Array): boolean;
    /** Ends the response. Write at least once before: status and headers travel with the first write. */
    end(chunk?: string | Uint8Array): this;
    once(event: 'drain' | 'finish' | 'close', listener: () => void): this;
  }

  /** What a client sees before the body. */
  interface Prelude {
    statusCode?: number;
    headers?: Record<string, string>;
    /** Each entry becomes a Set-Cookie header. */
    cookies?: string[];
  }

  /** The event of a Function URL; AWS sends more than is named here. */
  interface FunctionUrlEvent {
    rawPath: string;
    rawQueryString: string;
    headers: Record<string, string>;
    /** Absent when the URL has no query. */
    queryStringParameters?: Record<string, string>;
    requestContext: { requestId: string; http: { method: string; path: string } };
    body?: string;
    isBase64Encoded: boolean;
  }

  interface Context {
    awsRequestId: string;
    functionName: string;
    getRemainingTimeInMillis(): number;
  }

  type StreamingHandler<Event> = (event: Event, responseStream: ResponseStream, context: Context) => Promise<void>;

  /** Marks a handler as one that streams its response. */
  function streamifyResponse<Event>(handler: StreamingHandler<Event>): StreamingHandler<Event>;

  namespace HttpResponseStream {
    /** Gives a stream its status, headers and cookies, and returns it. */
    function from(responseStream: ResponseStream, prelude: Prelude): ResponseStream;
  }
}
