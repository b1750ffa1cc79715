package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/archive"
	"github.com/sluice-run/sluice/internal/template"
)

// layer is a layer of the template on its way to the server.
type layer struct {
	// name is the server's: it begins with the stack's.
	name string
	code []byte
	sum  string
	// arn is that of the version with this code, "" until it is published.
	arn string
}

// layerOf returns a layer of the plan, packed and looked up on the server once.
func (p *Plan) layerOf(ctx context.Context, wanted template.Layer) (*layer, error) {
	if l := p.layers[wanted.Path]; l != nil {
		return l, nil
	}
	l := &layer{name: wanted.Name}
	if !strings.HasPrefix(l.name, p.o.Stack+"-") {
		l.name = p.o.Stack + "-" + l.name
	}
	var err error
	if info, statErr := os.Stat(wanted.Path); statErr != nil {
		return nil, statErr
	} else if info.IsDir() {
		l.code, err = archive.Pack(wanted.Path)
	} else {
		l.code, err = os.ReadFile(wanted.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", filepath.Base(wanted.Path), err)
	}
	sum := sha256.Sum256(l.code)
	l.sum = base64.StdEncoding.EncodeToString(sum[:])
	if l.arn, err = p.published(ctx, l); err != nil {
		return nil, err
	}
	p.layers[wanted.Path] = l
	return l, nil
}

// published finds the newest version of a layer, if it has the code.
func (p *Plan) published(ctx context.Context, l *layer) (arn string, err error) {
	list, err := p.o.Client.ListLayerVersions(ctx, &lambda.ListLayerVersionsInput{LayerName: &l.name, MaxItems: aws.Int32(1)})
	if err != nil || len(list.LayerVersions) == 0 {
		return "", err
	}
	newest := list.LayerVersions[0]
	version, err := p.o.Client.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: &l.name, VersionNumber: &newest.Version})
	if err != nil || version.Content == nil || aws.ToString(version.Content.CodeSha256) != l.sum {
		return "", err
	}
	return *newest.LayerVersionArn, nil
}

// publishLayers makes sure that every layer of a step is on the server, and returns
// their ARNs in order.
func (p *Plan) publishLayers(ctx context.Context, step *Step) ([]string, error) {
	arns := []string{}
	for _, l := range step.layers {
		if l.arn == "" {
			out, err := p.o.Client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
				LayerName: &l.name, Content: &types.LayerVersionContentInput{ZipFile: l.code},
			}, p.upload(l.name, len(l.code)))
			if err != nil {
				return nil, fmt.Errorf("layer %s: %w", l.name, err)
			}
			l.arn = *out.LayerVersionArn
		}
		arns = append(arns, l.arn)
	}
	return arns, nil
}
