package lambdaapi

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/destination"
	"github.com/sluice-run/sluice/internal/registry"
)

type destinationDocument struct {
	Destination string `json:",omitempty"`
}

type destinationsDocument struct{ OnFailure, OnSuccess destinationDocument }

// eventInvokeDocument is an event-invoke configuration
// (docs/contract/control-api.md §9).
type eventInvokeDocument struct {
	LastModified             float64
	FunctionArn              string
	MaximumRetryAttempts     *int `json:",omitempty"`
	MaximumEventAgeInSeconds *int `json:",omitempty"`
	DestinationConfig        destinationsDocument
}

func (c *call) eventInvokeDocument(ref reference, e *registry.EventInvoke) eventInvokeDocument {
	return eventInvokeDocument{
		LastModified: float64(e.Modified.UnixMilli()) / 1000, FunctionArn: c.arn(ref), MaximumRetryAttempts: e.Attempts,
		MaximumEventAgeInSeconds: e.Age, DestinationConfig: destinationsDocument{destinationDocument{e.OnFailure}, destinationDocument{e.OnSuccess}},
	}
}

type eventInvokeRequest struct {
	MaximumRetryAttempts, MaximumEventAgeInSeconds *int
	DestinationConfig                              *struct{ OnSuccess, OnFailure *destinationDocument }
}

// eventInvokeTarget reads function and qualifier; the unpublished code is
// "$LATEST" here.
func (c *call) eventInvokeTarget() (reference, error) {
	ref, err := c.function()
	ref.qualifier = or(ref.qualifier, sluice.LatestVersion)
	return ref, err
}

func (in *eventInvokeRequest) check(c *call, ref reference) error {
	var v constraints
	if in.MaximumRetryAttempts != nil {
		v.between(*in.MaximumRetryAttempts, "maximumRetryAttempts", 0, 2)
	}
	if in.MaximumEventAgeInSeconds != nil {
		v.between(*in.MaximumEventAgeInSeconds, "maximumEventAgeInSeconds", 60, 21600)
	}
	if err := v.err(); err != nil {
		return err
	}
	if in.MaximumRetryAttempts == nil && in.MaximumEventAgeInSeconds == nil && in.DestinationConfig == nil {
		return invalid("You must specify at least one of error handling or destination setting.")
	}
	if in.DestinationConfig == nil {
		return nil
	}
	if d := in.DestinationConfig.OnSuccess; d != nil && d.Destination != "" {
		if err := c.checkDestination(d.Destination, ref.name, destination.OnSuccess); err != nil {
			return err
		}
	}
	if d := in.DestinationConfig.OnFailure; d != nil && d.Destination != "" {
		return c.checkDestination(d.Destination, ref.name, destination.OnFailure)
	}
	return nil
}

// checkDestination refuses what events could not be sent to.
func (c *call) checkDestination(arn, self string, use destination.Use) error {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 || parts[0] != "arn" {
		return invalid("The destination ARN %s is invalid.", arn)
	}
	if parts[2] != "lambda" {
		if why := c.Destinations.Check(arn, use); why != "" {
			return invalid("The destination ARN %s is invalid: %s.", arn, why)
		}
		if !c.Destinations.Reaches() {
			return notSupported("destinations other than functions unless the server was started with --aws-endpoint: %s.", arn)
		}
		return nil
	}
	target, err := c.parseFunction(arn)
	if err != nil {
		return invalid("The destination ARN %s is invalid.", arn)
	}
	if target.name == self {
		return invalid("You can't specify the function as a destination for itself.")
	}
	if _, err := c.Registry.Function(target.name); err != nil {
		return invalid("The destination ARN %s is invalid.", arn)
	}
	return nil
}

// setEventInvoke writes a configuration; keep tells that members which were not
// given keep their values.
func setEventInvoke(keep bool) operation {
	return func(c *call) (any, error) {
		ref, err := c.eventInvokeTarget()
		if err != nil {
			return nil, err
		}
		var in eventInvokeRequest
		if err := c.body(&in); err != nil {
			return nil, err
		}
		if _, err := c.Registry.Function(ref.name); errors.Is(err, registry.ErrNotFound) {
			return nil, notFound("The function doesn't exist.")
		}
		if err := in.check(c, ref); err != nil {
			return nil, err
		}
		f, err := c.edit(ref, func(f *registry.Function) error {
			if _, err := c.version(f, ref); err != nil {
				return notFound("The function doesn't exist.")
			}
			e := f.EventInvoke[ref.qualifier]
			switch {
			case keep && e == nil:
				return c.noEventInvoke(ref)
			case !keep:
				e = &registry.EventInvoke{}
			}
			in.applyTo(e)
			e.Modified = c.Now()
			if f.EventInvoke == nil {
				f.EventInvoke = map[string]*registry.EventInvoke{}
			}
			f.EventInvoke[ref.qualifier] = e
			return nil
		})
		if err != nil {
			return nil, err
		}
		return c.eventInvokeDocument(ref, f.EventInvoke[ref.qualifier]), nil
	}
}

func (in *eventInvokeRequest) applyTo(e *registry.EventInvoke) {
	if in.MaximumRetryAttempts != nil {
		e.Attempts = in.MaximumRetryAttempts
	}
	if in.MaximumEventAgeInSeconds != nil {
		e.Age = in.MaximumEventAgeInSeconds
	}
	if d := in.DestinationConfig; d != nil {
		if d.OnSuccess != nil {
			e.OnSuccess = d.OnSuccess.Destination
		}
		if d.OnFailure != nil {
			e.OnFailure = d.OnFailure.Destination
		}
	}
}

func (c *call) noEventInvoke(ref reference) *sluice.Error {
	return notFound("The function %s doesn't have an EventInvokeConfig", c.arn(ref))
}

func getEventInvoke(c *call) (any, error) {
	ref, err := c.eventInvokeTarget()
	if err != nil {
		return nil, err
	}
	f, err := c.Registry.Function(ref.name)
	if err != nil || f.EventInvoke[ref.qualifier] == nil {
		return nil, c.noEventInvoke(ref)
	}
	return c.eventInvokeDocument(ref, f.EventInvoke[ref.qualifier]), nil
}

func deleteEventInvoke(c *call) (any, error) {
	ref, err := c.eventInvokeTarget()
	if err != nil {
		return nil, err
	}
	c.status = http.StatusNoContent
	_, err = c.Registry.Edit(c.ctx, ref.name, func(f *registry.Function) error {
		if f.EventInvoke[ref.qualifier] == nil {
			return c.noEventInvoke(ref)
		}
		delete(f.EventInvoke, ref.qualifier)
		return nil
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil, c.noEventInvoke(ref)
	}
	return nil, err
}

func listEventInvoke(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	all := []eventInvokeDocument{}
	for _, qualifier := range slices.Sorted(maps.Keys(f.EventInvoke)) {
		all = append(all, c.eventInvokeDocument(reference{ref.name, qualifier}, f.EventInvoke[qualifier]))
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		FunctionEventInvokeConfigs []eventInvokeDocument
		NextMarker                 string `json:",omitempty"`
	}{items, next}, nil
}
