//! What CloudFormation and STS say of the stack and of who runs the command.

/// The stack, as it was deployed, and the caller.
pub(crate) struct Deployed {
    /// The base URL of W-API.
    pub(crate) wapi_base: String,
    /// The role that may read every file, if files are scanned for malware.
    pub(crate) break_glass: Option<&'static str>,
    /// The ARN of the caller.
    pub(crate) caller: &'static str,
}

impl Default for Deployed {
    fn default() -> Self {
        let caller = "arn:aws:iam::000000000000:user/operator";
        Self { wapi_base: String::new(), break_glass: None, caller }
    }
}

impl Deployed {
    pub(crate) fn describe(&self) -> String {
        let outputs = [
            "InstancesTable",
            "TenantsTable",
            "MediaTable",
            "JobsTable",
            "MarksTable",
            "OrdersTable",
            "LinksTable",
            "PeopleTable",
            "AuditTable",
            "AuditBucket",
            "ReceiversTable",
            "CountersTable",
            "MediaBucket",
            "DeliveriesBucket",
            "TokenKeyId",
            "JobsQueueUrl",
            "ParkedQueueUrl",
            "WebhookBaseUrl",
            "EventsFunction",
        ];
        let value = |name: &str| match name {
            "MediaBucket" => "bucket".to_owned(),
            "AuditBucket" => "audit-copies".to_owned(),
            "WebhookBaseUrl" => "https://hooks.example.invalid".to_owned(),
            _ if name.ends_with("Url") => format!("https://sqs.example.invalid/{name}"),
            _ => name.to_owned(),
        };
        let outputs = outputs.map(|name| {
            let value = value(name);
            format!(
                "<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
            )
        });
        let is_on = if self.break_glass.is_some() { "on" } else { "off" };
        let parameters = [
            ("UtcOffset", "-03:00"),
            ("WapiBaseUrl", &*self.wapi_base),
            ("CdnBaseUrls", "https://mmg.whatsapp.net"),
            ("MalwareScan", is_on),
            ("RequireTls", "true"),
            ("BreakGlassRoleArn", self.break_glass.unwrap_or_default()),
        ];
        let parameters = parameters.map(|(name, value)| {
            format!(
                "<member><ParameterKey>{name}</ParameterKey>\
                 <ParameterValue>{value}</ParameterValue></member>"
            )
        });
        format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
             <StackName>wapi-media</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
             <StackStatus>CREATE_COMPLETE</StackStatus><Parameters>{}</Parameters>\
             <Outputs>{}</Outputs>\
             </member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
            parameters.concat(),
            outputs.concat()
        )
    }

    pub(crate) fn describe_caller(&self) -> String {
        let arn = self.caller;
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
    }
}
