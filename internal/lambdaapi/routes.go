package lambdaapi

import "net/http"

// route is an operation and where it is.
type route struct {
	name, pattern string
	do            operation
	// stream answers by itself, nil for operations with a document.
	stream func(*call, http.ResponseWriter)
}

// routes are the operations of docs/contract/control-api.md and
// docs/contract/invoke-api.md.
func (a *API) routes() []route {
	const (
		f2015  = "/2015-03-31/functions"
		one    = f2015 + "/{F}"
		url    = "/2021-10-31/functions/{F}/url"
		layers = "/2018-10-31/layers"
		warm   = "/2019-09-30/functions/{F}/provisioned-concurrency"
		events = "/2019-09-25/functions/{F}/event-invoke-config"
	)
	routes := []route{
		{"Invoke", "POST " + one + "/invocations", nil, invokeFunction},
		{"InvokeWithResponseStream", "POST /2021-11-15/functions/{F}/response-streaming-invocations", nil, invokeWithResponseStream},
		// cargo-lambda's date.
		{"InvokeWithResponseStream", "POST " + one + "/response-streaming-invocations", nil, invokeWithResponseStream},
		{"InvokeAsync", "POST /2014-11-13/functions/{F}/invoke-async/", nil, invokeAsync},
	}
	for _, r := range []struct {
		name, pattern string
		do            operation
	}{
		{"CreateFunction", "POST " + f2015, createFunction},
		{"CreateFunction", "POST " + f2015 + "/{$}", createFunction},
		{"ListFunctions", "GET " + f2015, listFunctions},
		{"ListFunctions", "GET " + f2015 + "/{$}", listFunctions},
		{"GetFunction", "GET " + one, getFunction},
		{"DeleteFunction", "DELETE " + one, deleteFunction},
		{"GetFunctionConfiguration", "GET " + one + "/configuration", getFunctionConfiguration},
		{"UpdateFunctionConfiguration", "PUT " + one + "/configuration", updateFunctionConfiguration},
		{"UpdateFunctionCode", "PUT " + one + "/code", updateFunctionCode},
		{"PublishVersion", "POST " + one + "/versions", publishVersion},
		{"ListVersionsByFunction", "GET " + one + "/versions", listVersionsByFunction},
		{"CreateAlias", "POST " + one + "/aliases", createAlias},
		{"ListAliases", "GET " + one + "/aliases", listAliases},
		{"GetAlias", "GET " + one + "/aliases/{Name}", getAlias},
		{"UpdateAlias", "PUT " + one + "/aliases/{Name}", updateAlias},
		{"DeleteAlias", "DELETE " + one + "/aliases/{Name}", deleteAlias},
		{"AddPermission", "POST " + one + "/policy", addPermission},
		{"GetPolicy", "GET " + one + "/policy", getPolicy},
		{"RemovePermission", "DELETE " + one + "/policy/{Sid}", removePermission},
		{"CreateFunctionUrlConfig", "POST " + url, createFunctionURL},
		{"GetFunctionUrlConfig", "GET " + url, getFunctionURL},
		{"UpdateFunctionUrlConfig", "PUT " + url, updateFunctionURL},
		{"DeleteFunctionUrlConfig", "DELETE " + url, deleteFunctionURL},
		{"ListFunctionUrlConfigs", "GET /2021-10-31/functions/{F}/urls", listFunctionURLs},
		{"PutFunctionConcurrency", "PUT /2017-10-31/functions/{F}/concurrency", putFunctionConcurrency},
		{"DeleteFunctionConcurrency", "DELETE /2017-10-31/functions/{F}/concurrency", deleteFunctionConcurrency},
		{"GetFunctionConcurrency", "GET /2019-09-30/functions/{F}/concurrency", getFunctionConcurrency},
		{"PutProvisionedConcurrencyConfig", "PUT " + warm, putProvisioned},
		{"GetProvisionedConcurrencyConfig", "GET " + warm, getProvisioned},
		{"DeleteProvisionedConcurrencyConfig", "DELETE " + warm, deleteProvisioned},
		{"PutFunctionEventInvokeConfig", "PUT " + events, setEventInvoke(false)},
		{"UpdateFunctionEventInvokeConfig", "POST " + events, setEventInvoke(true)},
		{"GetFunctionEventInvokeConfig", "GET " + events, getEventInvoke},
		{"DeleteFunctionEventInvokeConfig", "DELETE " + events, deleteEventInvoke},
		{"ListFunctionEventInvokeConfigs", "GET " + events + "/list", listEventInvoke},
		{"TagResource", "POST /2017-03-31/tags/{ARN}", tagResource},
		{"ListTags", "GET /2017-03-31/tags/{ARN}", listTags},
		{"UntagResource", "DELETE /2017-03-31/tags/{ARN}", untagResource},
		{"GetAccountSettings", "GET /2016-08-19/account-settings", getAccountSettings},
		{"GetAccountSettings", "GET /2016-08-19/account-settings/{$}", getAccountSettings},
		{"GetFunctionCodeSigningConfig", "GET /2020-06-30/functions/{F}/code-signing-config", getCodeSigningConfig},
		{"PutFunctionCodeSigningConfig", "PUT /2020-06-30/functions/{F}/code-signing-config", putCodeSigningConfig},
		{"DeleteFunctionCodeSigningConfig", "DELETE /2020-06-30/functions/{F}/code-signing-config", deleteCodeSigningConfig},
		{"GetRuntimeManagementConfig", "GET /2021-07-20/functions/{F}/runtime-management-config", getRuntimeManagementConfig},
		{"PutRuntimeManagementConfig", "PUT /2021-07-20/functions/{F}/runtime-management-config", putRuntimeManagementConfig},
		{"GetFunctionRecursionConfig", "GET /2024-08-31/functions/{F}/recursion-config", getRecursionConfig},
		{"PutFunctionRecursionConfig", "PUT /2024-08-31/functions/{F}/recursion-config", putRecursionConfig},
		{"PublishLayerVersion", "POST " + layers + "/{L}/versions", publishLayerVersion},
		{"ListLayerVersions", "GET " + layers + "/{L}/versions", listLayerVersions},
		{"GetLayerVersion", "GET " + layers + "/{L}/versions/{N}", getLayerVersion},
		{"DeleteLayerVersion", "DELETE " + layers + "/{L}/versions/{N}", deleteLayerVersion},
		{"AddLayerVersionPermission", "POST " + layers + "/{L}/versions/{N}/policy", addLayerVersionPermission},
		{"GetLayerVersionPolicy", "GET " + layers + "/{L}/versions/{N}/policy", getLayerVersionPolicy},
		{"RemoveLayerVersionPermission", "DELETE " + layers + "/{L}/versions/{N}/policy/{Sid}", removeLayerVersionPermission},
		{"ListLayers", "GET " + layers, getLayerVersionByArn},
		{"CreateEventSourceMapping", "POST /2015-03-31/event-source-mappings", unsupported("event source mappings")},
		{"ListEventSourceMappings", "GET /2015-03-31/event-source-mappings", unsupported("event source mappings")},
	} {
		routes = append(routes, route{r.name, r.pattern, r.do, nil})
	}
	return routes
}
