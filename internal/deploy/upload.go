package deploy

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Upload is told how far a package has got: done of total bytes on the wire, which
// are more than the package has, for the API takes it as base64. It is called from
// the goroutine that sends.
type Upload func(name string, done, total int64)

// upload reports how the body of a request leaves.
func (p *Plan) upload(name string, size int) func(*lambda.Options) {
	return func(o *lambda.Options) {
		if p.o.Uploading == nil || size == 0 {
			return
		}
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			// Last of all: the body is signed before, and signing reads it.
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("SluiceUpload",
				func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
					if request, ok := in.Request.(*smithyhttp.Request); ok {
						if body := request.GetStream(); body != nil {
							counted := &counting{Reader: body, name: name, total: request.ContentLength, tell: p.o.Uploading}
							if with, err := request.SetStream(counted); err == nil {
								in.Request = with
							}
						}
					}
					return next.HandleDeserialize(ctx, in)
				}), middleware.After)
		})
	}
}

// counting tells about every read of a body.
type counting struct {
	io.Reader
	name        string
	done, total int64
	tell        Upload
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.done += int64(n)
	c.tell(c.name, c.done, c.total)
	return n, err
}
