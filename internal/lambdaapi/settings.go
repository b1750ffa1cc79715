package lambdaapi

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-run/sluice/internal/registry"
)

// This file holds the small settings of a function and of the account
// (docs/contract/control-api.md §8, §11).

// minUnreserved is the concurrency that has to stay without a reservation.
const minUnreserved = 100

func putFunctionConcurrency(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	if ref.qualifier != "" {
		return nil, invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	}
	var in struct{ ReservedConcurrentExecutions *int }
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	if in.ReservedConcurrentExecutions == nil {
		v.violated(nil, "reservedConcurrentExecutions", "not be null")
	} else if *in.ReservedConcurrentExecutions < 0 {
		v.between(*in.ReservedConcurrentExecutions, "reservedConcurrentExecutions", 0, 1<<31)
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if _, err := c.Registry.Function(ref.name); errors.Is(err, registry.ErrNotFound) {
		return nil, notFound("Function not found: %s", c.Identity.FunctionARN(ref.name, "$LATEST"))
	}
	reserved, err := c.reserved(ref.name)
	if err != nil {
		return nil, err
	}
	if limit := c.Quotas().Concurrency; limit > 0 && *in.ReservedConcurrentExecutions > limit-reserved-min(minUnreserved, limit) {
		return nil, invalidBare("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", min(minUnreserved, limit))
	}
	if _, err := c.edit(ref, func(f *registry.Function) error {
		f.ReservedConcurrency = in.ReservedConcurrentExecutions
		return nil
	}); err != nil {
		return nil, err
	}
	return concurrencyDocument{*in.ReservedConcurrentExecutions}, nil
}

// reserved is the concurrency that other functions have reserved.
func (c *call) reserved(but string) (int, error) {
	functions, err := c.Registry.Functions()
	total := 0
	for _, f := range functions {
		if f.Name != but && f.ReservedConcurrency != nil {
			total += *f.ReservedConcurrency
		}
	}
	return total, err
}

func getFunctionConcurrency(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	if f.ReservedConcurrency == nil {
		return struct{}{}, nil
	}
	return concurrencyDocument{*f.ReservedConcurrency}, nil
}

func deleteFunctionConcurrency(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	c.status = http.StatusNoContent
	_, err = c.edit(ref, func(f *registry.Function) error {
		f.ReservedConcurrency = nil
		return nil
	})
	return nil, err
}

// maxTags is how many tags a function may have.
const maxTags = 50

// tagged reads the ARN of a tag operation.
func (c *call) tagged() (reference, error) {
	ref, err := c.parseFunction(c.label("ARN"))
	if err == nil && ref.qualifier != "" {
		err = invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return ref, err
}

func tagResource(c *call) (any, error) {
	ref, err := c.tagged()
	if err != nil {
		return nil, err
	}
	var in struct{ Tags map[string]string }
	if err := c.body(&in); err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, invalid("An error occurred and the request cannot be processed.")
	}
	c.status = http.StatusNoContent
	_, err = c.edit(ref, func(f *registry.Function) error {
		tags := maps.Clone(f.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, in.Tags)
		if len(tags) > maxTags {
			return invalid("Number of tags exceeds resource tag limit.")
		}
		f.Tags = tags
		c.touch(&f.Latest)
		return nil
	})
	return nil, err
}

func listTags(c *call) (any, error) {
	ref, err := c.tagged()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	tags := f.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return struct{ Tags map[string]string }{tags}, nil
}

func untagResource(c *call) (any, error) {
	ref, err := c.tagged()
	if err != nil {
		return nil, err
	}
	keys := c.query["tagKeys"]
	if len(keys) == 0 {
		var v constraints
		v.violated(nil, "tagKeys", "not be null")
		return nil, v.err()
	}
	c.status = http.StatusNoContent
	_, err = c.edit(ref, func(f *registry.Function) error {
		maps.DeleteFunc(f.Tags, func(key, _ string) bool { return slices.Contains(keys, key) })
		c.touch(&f.Latest)
		return nil
	})
	return nil, err
}

func getAccountSettings(c *call) (any, error) {
	functions, err := c.Registry.Functions()
	if err != nil {
		return nil, err
	}
	var size int64
	reserved := 0
	for _, f := range functions {
		versions, err := c.Registry.Versions(f.Name)
		if err != nil {
			return nil, err
		}
		size += f.Latest.CodeSize
		for _, v := range versions {
			size += v.CodeSize
		}
		if f.ReservedConcurrency != nil {
			reserved += *f.ReservedConcurrency
		}
	}
	limit := c.Quotas().Concurrency
	return map[string]any{
		"AccountLimit": map[string]int64{
			"TotalCodeSize": 80530636800, "CodeSizeUnzipped": 262144000, "CodeSizeZipped": maxZip,
			"ConcurrentExecutions": int64(limit), "UnreservedConcurrentExecutions": int64(max(limit-reserved, 0)),
		},
		"AccountUsage": map[string]int64{"TotalCodeSize": size, "FunctionCount": int64(len(functions))},
	}, nil
}

func getCodeSigningConfig(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	if _, err := c.find(ref); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

func putCodeSigningConfig(*call) (any, error) { return nil, notSupported("code signing.") }

func deleteCodeSigningConfig(c *call) (any, error) {
	c.status = http.StatusNoContent
	_, err := getCodeSigningConfig(c)
	return nil, err
}

type runtimeManagementDocument struct{ FunctionArn, UpdateRuntimeOn string }

func getRuntimeManagementConfig(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	return runtimeManagementDocument{c.arn(ref), or(f.UpdateRuntimeOn, "Auto")}, nil
}

func putRuntimeManagementConfig(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	var in struct{ UpdateRuntimeOn, RuntimeVersionArn string }
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	v.required(in.UpdateRuntimeOn, "updateRuntimeOn")
	v.oneOf(in.UpdateRuntimeOn, "updateRuntimeOn", "Auto", "Manual", "FunctionUpdate")
	if err := v.err(); err != nil {
		return nil, err
	}
	if in.UpdateRuntimeOn == "Manual" || in.RuntimeVersionArn != "" {
		return nil, notSupported("a chosen runtime version; install the Node.js you want on the server.")
	}
	_, err = c.edit(ref, func(f *registry.Function) error {
		f.UpdateRuntimeOn = in.UpdateRuntimeOn
		return nil
	})
	return runtimeManagementDocument{c.arn(ref), in.UpdateRuntimeOn}, err
}

type recursionDocument struct{ RecursiveLoop string }

func getRecursionConfig(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	return recursionDocument{or(f.RecursiveLoop, "Terminate")}, nil
}

func putRecursionConfig(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	var in recursionDocument
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	v.required(in.RecursiveLoop, "recursiveLoop")
	v.oneOf(in.RecursiveLoop, "recursiveLoop", "Allow", "Terminate")
	if err := v.err(); err != nil {
		return nil, err
	}
	_, err = c.edit(ref, func(f *registry.Function) error {
		f.RecursiveLoop = in.RecursiveLoop
		return nil
	})
	return in, err
}

// unsupported refuses operations that AWS has and Sluice has not.
func unsupported(what string) operation {
	return func(*call) (any, error) { return nil, notSupported("%s.", what) }
}

func formatWeight(w float64) string {
	text := strconv.FormatFloat(w, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
